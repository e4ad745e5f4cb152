namespace two { inline int who() { return 8; } }
using T = int;
static constexpr int limit = 4;
typedef unsigned char Byte;
static int f(int a) { return a + limit; }
