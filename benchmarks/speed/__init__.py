"""What users pay: CPU of whole process trees, beside git, against the goals."""
