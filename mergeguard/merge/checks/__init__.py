"""What a clean merge of lines does not show: cheap questions that every result is asked."""
