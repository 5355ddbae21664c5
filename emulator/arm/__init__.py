"""Azure Resource Manager in memory: Key Vault, private networking and private DNS with Azure's own quirks."""
