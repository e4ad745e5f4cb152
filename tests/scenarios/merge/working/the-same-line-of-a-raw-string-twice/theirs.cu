static const char kernel[] = R"(
float x = in[i];
x *= scale;
x += bias;
x = max(x, low);
out[i] = x;
)";
