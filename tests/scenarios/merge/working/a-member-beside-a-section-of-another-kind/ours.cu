class A {
 public:
  void a();
 signals:
  void b();
};
