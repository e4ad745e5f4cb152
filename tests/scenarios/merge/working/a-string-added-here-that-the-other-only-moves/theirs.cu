static const char names[] = "c," "; d" "ab" "e";
