namespace two { inline int who() { return 8; } }
static constexpr int limit = 4;
typedef unsigned char Byte;
using T = int;
static int f(int a) { return a + limit; }
