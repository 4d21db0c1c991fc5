"""What the panes show, as plain functions from the control API's types. No Textual in here."""
