"""The MMDetection engine: detectors of MMDetection 3.x (OneDL's fork or the original), trained by MMEngine's runner."""
