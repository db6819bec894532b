"""The texts of messages: similar names, shortened lists, aligned tables, and paths as a shell takes them."""
