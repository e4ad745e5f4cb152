class A {
 public:
  void a();
<<<<<<< ours
#ifdef X
  void b();
#endif
||||||| base
=======
  void c();
>>>>>>> theirs
};
