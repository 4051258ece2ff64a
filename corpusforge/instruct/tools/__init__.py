"""Tool calls in texts and chats: sampled, executed, and kept where the result makes what follows likelier."""
