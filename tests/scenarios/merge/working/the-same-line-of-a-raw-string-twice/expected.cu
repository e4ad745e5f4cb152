static const char kernel[] = R"(
float x = in[i];
<<<<<<< ours
x = max(x, low);
x *= scale;
x += bias;
||||||| base
x *= scale;
x += bias;
=======
x *= scale;
x += bias;
x = max(x, low);
>>>>>>> theirs
out[i] = x;
)";
