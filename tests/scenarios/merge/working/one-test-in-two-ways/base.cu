TEST(A, one) {
  EXPECT(1);
}
