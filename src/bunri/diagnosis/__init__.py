"""Where points are lost: kinds of mistakes and what each costs, confusions, doubtful labels."""
