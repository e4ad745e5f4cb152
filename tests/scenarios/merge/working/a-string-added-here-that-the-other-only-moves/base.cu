static const char names[] = "ab" "c," "; d" "e";
