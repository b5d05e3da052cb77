"""bunri: a lab for object detection."""
