class A {
 public:
  void a();
  void c();
};
