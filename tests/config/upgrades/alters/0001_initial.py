from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Added", [("id", models.BigAutoField(primary_key=True))]),
        migrations.AddField("Added", "name", models.CharField(max_length=9, default="")),
    ]
