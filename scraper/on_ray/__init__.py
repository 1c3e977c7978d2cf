"""Workers on a Ray cluster. Ray places them, and the store says what each of them does, as with any worker."""
