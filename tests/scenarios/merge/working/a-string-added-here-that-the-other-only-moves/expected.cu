<<<<<<< ours
static const char names[] = "ab" "c," "; d" "ab" "e";
||||||| base
static const char names[] = "ab" "c," "; d" "e";
=======
static const char names[] = "c," "; d" "ab" "e";
>>>>>>> theirs
