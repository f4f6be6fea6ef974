"""The seller's portal: pages that are complete without script, and one script that saves page loads."""
