class A {
 public:
  void a();
<<<<<<< ours
 signals:
  void b();
||||||| base
=======
  void c();
>>>>>>> theirs
};
