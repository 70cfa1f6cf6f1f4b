from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("config", "0001_initial")]
    expands = True
    operations = [migrations.RunSQL("INSERT INTO no_such_table VALUES (1)")]
