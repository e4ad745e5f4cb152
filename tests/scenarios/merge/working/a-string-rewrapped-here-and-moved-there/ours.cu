static const char text[] = "c,"
    "; d"
    "e"
    "ab";
