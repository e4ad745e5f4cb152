static const char kernel[] = R"(
float x = in[i];
x *= scale;
x += bias;
out[i] = x;
)";
