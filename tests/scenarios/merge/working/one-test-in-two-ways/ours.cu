TEST(A, one) {
  EXPECT(1);
}

TEST(A, two) {
  EXPECT(2);
}
