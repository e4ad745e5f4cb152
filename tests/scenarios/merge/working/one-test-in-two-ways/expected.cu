TEST(A, one) {
  EXPECT(1);
}
<<<<<<< ours

TEST(A, two) {
  EXPECT(2);
}
||||||| base
=======

TEST(A, two) {
  EXPECT(3);
}
>>>>>>> theirs
