"""Imports scikit-learn without pandas; import this before anything that imports scikit-learn.

`sklearn.utils.fixes` imports pandas if it can, and uses it for nothing. It takes 60 MB, which a
model that was fitted with arrays never needs. What does need it imports it later, as usual.
"""

from service.hiding import import_without

import_without("pandas", "sklearn.utils.fixes")
