"""How cost grows with rows, connections and models: points, and the slope through them."""
