"""Real reverse proxies of others, nginx and HAProxy, configured for a scenario's fleet."""
