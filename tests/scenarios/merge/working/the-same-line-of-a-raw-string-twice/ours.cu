static const char kernel[] = R"(
float x = in[i];
x = max(x, low);
x *= scale;
x += bias;
out[i] = x;
)";
