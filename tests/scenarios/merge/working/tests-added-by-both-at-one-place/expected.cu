TEST(A, one) {
  EXPECT(1);
}

TEST(A, three) {
  EXPECT(3);
}

TEST(A, two) {
  EXPECT(2);
}
