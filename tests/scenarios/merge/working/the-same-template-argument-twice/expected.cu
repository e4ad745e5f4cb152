<<<<<<< ours
using A = Tile<half, float, 4, 8, 16, 32>;
||||||| base
using A = Tile<float, 4, 8, 16, 32>;
=======
using A = Tile<float, 4, 8, 16, 32, half>;
>>>>>>> theirs
