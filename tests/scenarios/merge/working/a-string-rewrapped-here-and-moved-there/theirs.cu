static const char text[] = "ab" "c," "; d" "e";
