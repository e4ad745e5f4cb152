using A = Tile<float, 4, 8, 16, 32, half>;
