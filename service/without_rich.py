"""Imports structlog without rich; import this before anything that imports structlog.

`structlog.dev` imports rich, and Pygments through it, for tracebacks in colour. The service writes
JSON lines, and an API process would hold 5 MB for nothing.
"""

from service.hiding import import_without

import_without("rich", "structlog")
