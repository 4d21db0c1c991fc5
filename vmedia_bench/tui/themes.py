"""Our own themes: blue, orange and white carry meaning, so that red and green need not."""

from textual.theme import Theme

DARK = Theme(
    name="vmedia-dark",
    primary="#6cb6ff",
    secondary="#8fa3b8",
    accent="#d9a3d4",
    foreground="#d7dee6",
    background="#0f1419",
    surface="#151b22",
    panel="#1e2730",
    success="#56c8a8",
    warning="#f0b429",
    error="#ff7a4d",
    dark=True,
    variables={
        "border": "#2f3b47",
        "border-blurred": "#2f3b47",
        "footer-key-foreground": "#6cb6ff",
        "footer-background": "#151b22",
        "block-cursor-background": "#2a5a8a",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#223040",
        "input-selection-background": "#2a5a8a",
    },
)

LIGHT = Theme(
    name="vmedia-light",
    primary="#0059a8",
    secondary="#51606f",
    accent="#8a3d85",
    foreground="#1b232c",
    background="#f7f8fa",
    surface="#eef1f4",
    panel="#e0e5ea",
    success="#00705a",
    warning="#8a5a00",
    error="#b83a00",
    dark=False,
    variables={
        "border": "#c3ccd5",
        "border-blurred": "#c3ccd5",
        "footer-key-foreground": "#0059a8",
        "footer-background": "#e6eaee",
        "block-cursor-background": "#bcd8f2",
        "block-cursor-foreground": "#0a1520",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#dde6ee",
    },
)

THEMES = (DARK, LIGHT)
