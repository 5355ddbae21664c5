"""Local Azure for development: Resource Manager, Event Grid and the Functions host, on loopback addresses only."""
