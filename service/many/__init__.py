"""Several API processes behind one port, and the supervisor that makes one service of them."""
