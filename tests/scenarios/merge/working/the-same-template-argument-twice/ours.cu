using A = Tile<half, float, 4, 8, 16, 32>;
