"""The same life cycle on a Spark cluster; the only part that imports pyspark."""
