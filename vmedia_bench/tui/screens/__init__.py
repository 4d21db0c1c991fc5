"""What opens above the panes: questions, forms, help, one trace record in full."""
