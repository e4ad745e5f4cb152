class A {
 public:
  void a();
  void b();
  void d(int);
  void c();
};
