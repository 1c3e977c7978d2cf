"""The frozen values of a site's configuration, by section."""
