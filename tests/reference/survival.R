# Writes survival.json: numbers of R's survival package that the tests compare with.
# Rscript tests/reference/survival.R > tests/reference/survival.json
suppressMessages(library(survival))
num <- function(x) paste0("[", paste(formatC(as.numeric(x), digits = 12, format = "g"), collapse = ", "), "]")
out <- c()
add <- function(name, x) out <<- c(out, sprintf('  "%s": %s', name, num(x)))
add("version", as.numeric(strsplit(as.character(packageVersion("survival")), "[.-]")[[1]]))
f <- survfit(Surv(time, status) ~ 1, data = lung, conf.type = "log-log")
s <- summary(f, times = c(100, 365, 730))
add("lung_km_surv", s$surv); add("lung_km_se", s$std.err); add("lung_km_low", s$lower); add("lung_km_high", s$upper)
q <- quantile(f, 0.5); add("lung_median", c(q$quantile, q$lower, q$upper))
r <- summary(survfit(Surv(time, status) ~ sex, data = lung), rmean = 365)$table
add("lung_rmst_sex", c(r[, "rmean"], r[, "se(rmean)"]))
d <- survdiff(Surv(time, status) ~ sex, data = lung); add("lung_logrank", d$chisq)
d <- survdiff(Surv(time, status) ~ sex, data = lung, rho = 1); add("lung_fh1", d$chisq)
d <- survdiff(Surv(time, status) ~ celltype, data = veteran); add("veteran_logrank", d$chisq)
m <- coxph(Surv(time, status) ~ karno + age + trt, data = veteran)
add("veteran_cox", c(coef(m), sqrt(diag(vcov(m))), m$loglik)); z <- cox.zph(m); add("veteran_zph", z$table[, "chisq"])
# Recurrent spells with ties and delayed entry: made here, so that no one else's rows are stored.
set.seed(7); n <- 60; rows <- NULL
for (i in 1:n) { x <- rbinom(1, 1, .5); z <- round(rnorm(1), 1); start <- sample(0:2, 1); end <- sample(20:40, 1)
  repeat { stop <- start + sample(1:12, 1) + 3 * x; done <- stop < end
    rows <- rbind(rows, c(i, start, min(stop, end), done, x, z)); if (!done) break; start <- stop } }
b <- setNames(as.data.frame(rows), c("id", "start", "stop", "event", "x", "z"))
for (name in names(b)) add(paste0("again_", name), b[[name]])
m <- coxph(Surv(start, stop, event) ~ x + z, data = b, cluster = id)
add("again_cox", c(coef(m), sqrt(diag(vcov(m))), m$loglik))
add("again_naive", sqrt(diag(m$naive.var))); add("again_zph", cox.zph(m)$table[, "chisq"])
f <- survfit(Surv(start, stop, event) ~ 1, data = b, conf.type = "log-log")
s <- summary(f, times = c(6, 12, 24)); add("again_km", c(s$surv, s$std.err))
set.seed(1); n <- 300
e <- factor(sample(0:2, n, TRUE), 0:2, c("censor", "value", "left")); t <- sample(1:40, n, TRUE)
f <- survfit(Surv(t, e) ~ 1); s <- summary(f, times = c(5, 15, 30))
add("risks_time", t); add("risks_event", as.integer(e) - 1)
add("risks_value", s$pstate[, 2]); add("risks_value_se", s$std.err[, 2])
cat("{\n", paste(out, collapse = ",\n"), "\n}\n", sep = "")
