class A {
 public:
  void a();
  bool operator<(const A& o) const;
  bool operator==(const A& o) const;
};
