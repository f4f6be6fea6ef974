"""The portal, used as a person would: by its links and forms."""
