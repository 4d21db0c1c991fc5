"""The sink backend: a display that the guest writes frames to, and a recorder of them."""
