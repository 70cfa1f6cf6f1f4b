/* The back door wears the theme that was chosen in the console. Loaded before Django's own script reads it. */
"use strict";

try {
  localStorage.setItem("theme", localStorage.getItem("headend-theme") || "auto");
} catch {
  /* private window: as the system has it */
}
