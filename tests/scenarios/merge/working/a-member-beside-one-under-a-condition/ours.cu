class A {
 public:
  void a();
#ifdef X
  void b();
#endif
};
