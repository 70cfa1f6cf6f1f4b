"""One module for each kind of job: scrape, process, stage, trigger, publish, take back; and what a job's end means."""
