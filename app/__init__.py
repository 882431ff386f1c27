"""The workbench in the browser: pages that fetch from the core and draw; they know no maths and train nothing."""
