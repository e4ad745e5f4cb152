static const char names[] = "ab" "c," "; d" "ab" "e";
